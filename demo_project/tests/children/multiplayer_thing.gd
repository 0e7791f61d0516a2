extends Node
## A node that a MultiplayerSpawner spawns, with a property that a MultiplayerSynchronizer keeps.

@export var value := 0

@onready var sync: MultiplayerSynchronizer = $Sync
