namespace Matrix.Host.Rooms.Lanes;

/// <summary>Too many requests wait for one room. The answer is `M_LIMIT_EXCEEDED`: later it may work.</summary>
public sealed class LaneBusyException() : Exception("Too many requests wait for this room.");
