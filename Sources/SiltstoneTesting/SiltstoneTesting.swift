// SiltstoneTesting
