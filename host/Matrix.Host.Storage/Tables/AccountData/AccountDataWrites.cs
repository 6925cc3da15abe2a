using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.AccountData;

/// <summary>A piece of account data is put. No room means the user's own.</summary>
public sealed record PutAccountData(string UserId, RoomNid? Room, string Type, ReadOnlyMemory<byte> Content) : WriteOperation
{
    internal override int Weight => 200 + Content.Length;
}

/// <summary>All account data of a user goes: the account is erased.</summary>
public sealed record DeleteAccountData(string UserId) : WriteOperation;
