import Testing

@Suite struct SiltLSMTests {}
