import Testing

@Suite struct SiltIOTests {}
