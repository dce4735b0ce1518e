//! The same bytes, whatever the surroundings.
