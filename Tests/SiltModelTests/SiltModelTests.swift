import Testing

@Suite struct SiltModelTests {}
