//! The languages of the components, as pure functions without a clock.
