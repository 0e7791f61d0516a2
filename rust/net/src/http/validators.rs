//! Validators of a representation, and the conditions of requests about them (RFC 9110 sections 8.8 and 13).

use std::time::{SystemTime, UNIX_EPOCH};

use super::headers::Headers;

/// What tells whether a client's copy is still good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validators {
    /// A strong entity tag, in its quotes.
    pub(crate) tag: String,
    pub(crate) modified: SystemTime,
}

impl Validators {
    /// `Last-Modified`, which is never in the future.
    pub(crate) fn last_modified(&self) -> String {
        // Before 1970 there is no date to write.
        httpdate::fmt_http_date(self.modified.clamp(UNIX_EPOCH, SystemTime::now()))
    }

    /// Whether the request is about another state of the file, which is answered with 412.
    pub(crate) fn has_changed(&self, headers: &Headers) -> bool {
        let mut tags = headers.all("If-Match").peekable();
        if tags.peek().is_some() {
            // A weak tag never matches here.
            let is_this = |item: &str| item == "*" || item == self.tag;
            return !tags.any(|list| list.split(',').map(str::trim).any(is_this));
        }
        let since = headers
            .get("If-Unmodified-Since")
            .and_then(|date| httpdate::parse_http_date(date).ok());
        since.is_some_and(|since| seconds(self.modified) > seconds(since))
    }

    /// Whether the client's copy is still good, which answers a GET or HEAD with 304.
    pub(crate) fn is_unchanged(&self, headers: &Headers) -> bool {
        let mut tags = headers.all("If-None-Match").peekable();
        if tags.peek().is_some() {
            return tags.any(|list| lists(list, &self.tag));
        }
        let since = headers
            .get("If-Modified-Since")
            .and_then(|date| httpdate::parse_http_date(date).ok());
        // A file whose date is not known has 1970.
        since.is_some_and(|since| self.modified > UNIX_EPOCH && seconds(self.modified) <= seconds(since))
    }

    /// Whether a `Range` counts: there is no `If-Range`, or it is about this representation.
    pub(crate) fn allows_range(&self, headers: &Headers) -> bool {
        let Some(condition) = headers.get("If-Range") else {
            return true;
        };
        if condition.starts_with('"') {
            return condition == self.tag;
        }
        // A weak tag never allows a range.
        httpdate::parse_http_date(condition).is_ok_and(|date| seconds(date) == seconds(self.modified))
    }
}

/// Whether a list of entity tags has this one, by the weak comparison (RFC 9110 section 8.8.3.2).
fn lists(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
}

/// Dates in HTTP have whole seconds.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn validators() -> Validators {
        Validators {
            tag: "\"abc\"".into(),
            modified: UNIX_EPOCH + Duration::from_millis(784_111_777_500),
        }
    }

    fn headers(lines: &[(&str, &str)]) -> Headers {
        Headers::new(lines.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    #[test]
    fn a_date_has_whole_seconds() {
        assert_eq!(validators().last_modified(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_copy_is_good_by_its_tag_or_its_date() {
        let unchanged = |lines: &[(&str, &str)]| validators().is_unchanged(&headers(lines));
        assert!(!unchanged(&[]));
        assert!(unchanged(&[("If-None-Match", "\"abc\"")]));
        assert!(unchanged(&[("If-None-Match", "\"x\", W/\"abc\"")]));
        assert!(unchanged(&[("If-None-Match", "\"x\""), ("If-None-Match", "*")]));
        assert!(!unchanged(&[("If-None-Match", "abc")]));
        assert!(unchanged(&[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]));
        assert!(!unchanged(&[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")]));
        assert!(!unchanged(&[("If-Modified-Since", "yesterday")]));
        // The tag counts, the date then does not.
        let both = [
            ("If-None-Match", "\"x\""),
            ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        assert!(!unchanged(&both));
    }

    #[test]
    fn another_state_by_its_tag_or_its_date() {
        let changed = |lines: &[(&str, &str)]| validators().has_changed(&headers(lines));
        assert!(!changed(&[]));
        assert!(!changed(&[("If-Match", "\"x\", \"abc\"")]) && !changed(&[("If-Match", "*")]));
        assert!(changed(&[("If-Match", "\"x\"")]) && changed(&[("If-Match", "W/\"abc\"")]));
        assert!(!changed(&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]));
        assert!(changed(&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")]));
        assert!(!changed(&[("If-Unmodified-Since", "yesterday")]));
        let both = [
            ("If-Match", "\"abc\""),
            ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"),
        ];
        assert!(!changed(&both), "the tag counts, the date then does not");
    }

    #[test]
    fn a_date_that_is_not_known_is_not_compared() {
        let unknown = Validators {
            modified: UNIX_EPOCH,
            ..validators()
        };
        let since = headers(&[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert!(!unknown.is_unchanged(&since));
    }

    #[test]
    fn a_range_needs_the_same_representation() {
        let allows = |value| validators().allows_range(&headers(&[("If-Range", value)]));
        assert!(validators().allows_range(&headers(&[])));
        assert!(allows("\"abc\"") && allows("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!allows("W/\"abc\"") && !allows("\"x\"") && !allows("Sun, 06 Nov 1994 08:49:38 GMT"));
    }
}
