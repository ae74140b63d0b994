//! In and out: other tools' formats, one file each.
