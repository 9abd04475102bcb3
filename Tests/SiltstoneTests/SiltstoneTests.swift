import Testing

@Suite struct SiltstoneTests {}
