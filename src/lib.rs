//! Livebell.
