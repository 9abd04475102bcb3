// SiltStream
