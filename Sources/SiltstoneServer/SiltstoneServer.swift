// SiltstoneServer
