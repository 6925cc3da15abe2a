using System.Security.Cryptography;

namespace Matrix.Host.Rooms.Sending;

/// <summary>The part of a room id or an event id that this server chooses, where a version leaves that to servers.</summary>
internal static class OpaqueIds
{
    /// <summary>Letters: over 100 bits of chance, so that two never meet.</summary>
    private const int Length = 18;

    internal static string New() =>
        RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", Length);
}
