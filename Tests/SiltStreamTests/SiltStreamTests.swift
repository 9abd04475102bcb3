import Testing

@Suite struct SiltStreamTests {}
