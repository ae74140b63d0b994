//! The window: a recording at a time, drawn, and the hands that change the scene.
