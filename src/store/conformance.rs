//! What every store must do, whatever it is built on.
