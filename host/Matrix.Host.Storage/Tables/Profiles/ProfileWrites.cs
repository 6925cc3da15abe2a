using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Profiles;

/// <summary>A profile field is set.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="Field">Its name.</param>
/// <param name="Value">Its value, as JSON.</param>
public sealed record PutProfileField(string UserId, string Field, ReadOnlyMemory<byte> Value) : WriteOperation
{
    internal override int Weight => 200 + Value.Length;
}

/// <summary>A profile field is deleted; that it was not set is no failure.</summary>
public sealed record DeleteProfileField(string UserId, string Field) : WriteOperation;

/// <summary>A whole profile goes: the account is erased.</summary>
public sealed record DeleteProfile(string UserId) : WriteOperation;
