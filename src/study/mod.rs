//! Questions asked of runs.
