using Matrix.Host.Sodium;

namespace Matrix.Host.Rooms;

/// <summary>This server's name and the key that it signs events with.</summary>
/// <param name="ServerName">The server's name.</param>
/// <param name="KeyId">The key's id, `ed25519:…`.</param>
/// <param name="Key">The key.</param>
public sealed record ServerSigner(string ServerName, string KeyId, Ed25519Key Key);
