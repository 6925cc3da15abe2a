namespace Matrix.Host.Storage.Ownership.Joining;

/// <summary>A setting whose value is not the default, as nodes compare it.</summary>
/// <param name="Name">The full name.</param>
/// <param name="Digest">A digest of the value, without spaces. That of a secret has a key.</param>
/// <param name="MustAgree">Whether nodes with different values cannot serve together.</param>
/// <param name="IsSecret">Whether only nodes with one signing key can compare it.</param>
public sealed record SettingDigest(string Name, string Digest, bool MustAgree, bool IsSecret);
