// SiltCodec
