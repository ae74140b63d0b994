//! AWS SAM and CloudFormation templates, in YAML or JSON.
//!
//! Invariant: the same template gives the same scene, byte for byte.

pub mod intrinsics;
pub mod source;
