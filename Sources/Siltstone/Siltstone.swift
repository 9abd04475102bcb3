// Siltstone
