// The example of the README, compiled with the wrapper by the CI workflow.

using System.Threading.Tasks;
using AsyncSockets;
using Godot;

public static class Example
{
    public static async Task<string> Hello()
    {
        using (TcpListener server = TcpListener.Create(5000))
        using (TcpClient client = new TcpClient())
        {
            server.Start();
            client.Timeout = 1.0;
            client.ConnectToHost("127.0.0.1", 5000);
            Error error = await client.WaitConnected();
            if (error != Error.Ok)
            {
                return client.GetLastErrorMessage();
            }
            var accepted = await server.Accept();
            client.Disconnected += () => GD.Print("disconnected");
            accepted.Client.Send("hello\n".ToUtf8Buffer());
            var received = await client.RecvLine();
            return received.Text;
        }
    }
}
