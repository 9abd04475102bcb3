// SiltIngest
