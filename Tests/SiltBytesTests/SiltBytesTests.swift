import Testing

@Suite struct SiltBytesTests {}
