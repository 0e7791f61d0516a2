//! Close codes and reasons (RFC 6455 sections 5.5.1 and 7.4).

use std::fmt;

use thiserror::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame as WireFrame;

/// Maximum length of a reason, in bytes of UTF-8: a control frame holds 125, two of which are the code.
pub const MAX_REASON_LEN: usize = 123;

/// A close code: why a connection ended (RFC 6455 section 7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1001: the server is stopping, or a browser is leaving the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer violated the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1005, never on the wire: the peer's close frame had no code.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006, never on the wire: the connection ended without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: a text that is not valid UTF-8.
    pub const INVALID_TEXT: Self = Self(1007);
    /// 1008: the client violated a rule of the server, such as the message timeout or the limit of pending bytes.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message exceeded the size limit.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: an internal error on this side.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1013: this side has no room for the client at the moment; it may try again later (IANA WebSocket Close Code
    /// Number Registry, RFC 6455 section 11.7).
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// Accepts a code that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999 (RFC 6455 section 7.4, and 1012 to
    /// 1014 of the IANA WebSocket Close Code Number Registry).
    ///
    /// # Errors
    /// [`CloseError::Code`] for any other number.
    pub fn parse(code: i64) -> Result<Self, CloseError> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(u16::try_from(code).unwrap_or(1000))),
            _ => Err(CloseError::Code(code)),
        }
    }

    /// The code as a number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The contents of a close frame: a code that may be sent, and a reason that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    code: CloseCode,
    reason: String,
}

impl CloseFrame {
    /// Accepts a code by the rules of [`CloseCode::parse`] and a reason of at most [`MAX_REASON_LEN`] bytes.
    ///
    /// # Errors
    /// [`CloseError`] tells which of them is invalid.
    pub fn parse(code: i64, reason: &str) -> Result<Self, CloseError> {
        let code = CloseCode::parse(code)?;
        if reason.len() > MAX_REASON_LEN {
            return Err(CloseError::Reason(reason.len()));
        }
        Ok(Self {
            code,
            reason: reason.to_owned(),
        })
    }

    /// Creates a frame with one of this crate's own codes. A reason that is too long is truncated.
    pub(crate) fn new(code: CloseCode, reason: &str) -> Self {
        let reason = &reason[..reason.floor_char_boundary(MAX_REASON_LEN)];
        Self {
            code,
            reason: reason.to_owned(),
        }
    }

    /// 1001 without a reason: this side stops.
    #[must_use]
    pub fn going_away() -> Self {
        Self::new(CloseCode::GOING_AWAY, "")
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason. May be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The payload of the frame (RFC 6455 section 5.5.1).
    pub(crate) fn to_payload(&self) -> Vec<u8> {
        [&self.code.0.to_be_bytes(), self.reason.as_bytes()].concat()
    }

    pub(crate) fn to_wire(&self) -> WireFrame {
        WireFrame {
            code: self.code.0.into(),
            reason: self.reason.as_str().into(),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// The code of the side that closed first: the peer's (1005 if it gave none), or the one that this server sent. A
    /// peer whose close frame violates the protocol, for example with a code that must not be sent, does not count as
    /// having closed: this server then closes with 1002 or 1007, and the reason says what was received. 1006 if the
    /// connection ended without a close frame from either side.
    pub code: CloseCode,
    /// The reason that goes with the code, from the same side; for 1006, how the connection was lost. May be empty.
    pub reason: String,
    /// Whether close frames went both ways (RFC 6455 section 7.1.4).
    pub clean: bool,
}

impl Disconnect {
    pub(crate) fn by_us(frame: CloseFrame, clean: bool) -> Self {
        Self {
            code: frame.code,
            reason: frame.reason,
            clean,
        }
    }

    pub(crate) fn by_peer(frame: Option<CloseFrame>) -> Self {
        let (code, reason) = match frame {
            Some(frame) => (frame.code, frame.reason),
            None => (CloseCode::NO_STATUS, String::new()),
        };
        Self {
            code,
            reason,
            clean: true,
        }
    }

    pub(crate) fn vanished(reason: impl Into<String>) -> Self {
        Self {
            code: CloseCode::ABNORMAL,
            reason: reason.into(),
            clean: false,
        }
    }
}

/// Why a close was refused before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseError {
    /// The code must not be sent.
    #[error("{0} is not a close code that may be sent: use 1000 to 1003, 1007 to 1014 or 3000 to 4999")]
    Code(i64),
    /// The reason is too long; this is its length in bytes.
    #[error("the reason has {0} bytes of UTF-8, and a close frame holds {MAX_REASON_LEN}")]
    Reason(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_may_be_sent_are_taken() {
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            assert!(CloseCode::parse(code).is_ok(), "{code}");
        }
        for code in [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536 + 1000] {
            assert_eq!(CloseCode::parse(code), Err(CloseError::Code(code)));
        }
    }

    #[test]
    fn a_reason_is_measured_in_bytes() {
        assert!(CloseFrame::parse(1000, &"x".repeat(123)).is_ok());
        assert_eq!(CloseFrame::parse(1000, &"é".repeat(62)), Err(CloseError::Reason(124)));
    }

    #[test]
    fn an_own_reason_is_cut_between_characters() {
        let frame = CloseFrame::new(CloseCode::POLICY, &"é".repeat(100));
        assert_eq!(frame.reason().len(), 122);
    }
}
