//! Why the program ends without being told to, and with which status.

use std::fmt;

/// Why the program ends without being told to.
#[derive(Debug)]
pub enum Failure {
    /// A setting is right in itself but does not work here; status 2.
    Setting {
        /// Which.
        variable: &'static str,
        /// Why not.
        reason: String,
    },
    /// A credential is refused; status 3.
    Credentials {
        /// Which variables hold it.
        variables: &'static str,
        /// Who refuses.
        by: &'static str,
    },
    /// Anything else; status 1.
    Other(anyhow::Error),
}

impl Failure {
    /// The exit status that says so.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Setting { .. } => 2,
            Self::Credentials { .. } => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { variable, reason } => write!(f, "{variable}: {reason}"),
            Self::Credentials { variables, by } => write!(f, "{by} refuses {variables}; please check it"),
            Self::Other(error) => write!(f, "{error:#}"),
        }
    }
}
