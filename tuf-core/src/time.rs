//! Points in time: read strictly, written in one way, never taken from a clock here.

use crate::error::{Code, Error, Result};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

/// A point in time in UTC.
///
/// ```
/// let t = tuf_core::time::Time::parse("2030-01-01T00:00:00Z")?;
/// assert_eq!(t.to_string(), "2030-01-01T00:00:00Z");
/// # Ok::<(), tuf_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// Reads RFC 3339 (T-38): at most 64 bytes; offsets, fractions and lower case are taken.
    ///
    /// # Errors
    /// `parse.schema` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let separated = matches!(text.as_bytes().get(10), Some(b'T' | b't'));
        let parsed = if text.len() <= 64 && separated { DateTime::parse_from_rfc3339(text).ok() } else { None };
        match parsed {
            Some(time) => Ok(Time(time.to_utc())),
            None => Err(Error::new(Code::ParseSchema, "T-38 (TUF 4.2.1)", "not a time of RFC 3339")
                .values("YYYY-MM-DDTHH:MM:SSZ", crate::error::shown(text))),
        }
    }

    /// A time from seconds since 1970; `None` out of the range of dates.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(Time)
    }

    /// Seconds since 1970, rounded down.
    pub fn unix(self) -> i64 {
        self.0.timestamp()
    }

    /// The time in this clock now. Nothing in the verifier calls this: callers do, once a run.
    pub fn of_clock() -> Self {
        Time(DateTime::<Utc>::from(std::time::SystemTime::now()))
    }

    /// This time and so many seconds (the farthest time there is, where that is out of range).
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let end = if seconds < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
        let moved = chrono::TimeDelta::try_seconds(seconds).and_then(|d| self.0.checked_add_signed(d));
        Time(moved.unwrap_or_else(|| end.and_utc()))
    }

    /// Whole seconds from `earlier` to this time; negative when this is the earlier one.
    pub fn seconds_since(self, earlier: Time) -> i64 {
        self.0.signed_duration_since(earlier.0).num_seconds()
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-38.7, T-38.8, T-38.9: what RFC 3339 allows is read, all else is refused.
    #[test]
    fn rfc_3339_is_read_and_nothing_else() {
        for (text, want) in [
            ("2026-11-23T08:12:47Z", "2026-11-23T08:12:47Z"),
            ("2026-11-23t08:12:47z", "2026-11-23T08:12:47Z"),
            ("2026-11-23T10:12:47+02:00", "2026-11-23T08:12:47Z"),
            ("2026-11-23T08:12:47.621613572Z", "2026-11-23T08:12:47.621613572Z"),
        ] {
            assert_eq!(Time::parse(text).map(|t| t.to_string()), Ok(want.to_owned()));
        }
        let long = format!("2026-11-23T08:12:47.{}Z", "0".repeat(64));
        for text in ["", "2026-11-23", "2026-11-23 08:12:47Z", "2026-11-23T08:12:47", "2026-13-23T08:12:47Z", &long] {
            assert_eq!(Time::parse(text).map_err(|e| e.code()), Err(Code::ParseSchema), "{text}");
        }
    }

    #[test]
    fn adding_ends_at_the_last_time_there_is() {
        let t = Time::parse("2026-11-23T08:12:47Z").map(|t| t.plus_seconds(i64::MAX));
        assert!(t.is_ok_and(|t| t > Time::parse("9999-01-01T00:00:00Z").unwrap_or(t)));
    }
}
