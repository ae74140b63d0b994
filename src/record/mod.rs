//! What happened: the writer, the reader with seek, statistics, files.
