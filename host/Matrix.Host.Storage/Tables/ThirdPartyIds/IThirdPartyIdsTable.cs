using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ThirdPartyIds;

/// <summary>
/// Third-party identifiers of accounts, and the identity servers at which they were bound. A row of either takes some
/// 150 bytes; the changes bound the rows of one user.
/// </summary>
public interface IThirdPartyIdsTable
{
    /// <summary>The account that has an identifier; null for none.</summary>
    ValueTask<ThirdPartyIdRow?> FindAsync(string medium, string address, CancellationToken stop);

    /// <summary>The identifiers of a user, the oldest first.</summary>
    ValueTask<IReadOnlyList<ThirdPartyIdRow>> OfUserAsync(string userId, CancellationToken stop);

    /// <summary>The bindings of a user.</summary>
    ValueTask<IReadOnlyList<ThirdPartyBinding>> BindingsAsync(string userId, CancellationToken stop);
}

/// <summary>An identifier of an account.</summary>
/// <param name="Medium">`email` or `msisdn`.</param>
/// <param name="Address">The address in its canonical form.</param>
/// <param name="Language">The language of messages to it.</param>
/// <param name="ValidatedAt">Milliseconds since the epoch.</param>
/// <param name="AddedAt">Milliseconds since the epoch; set when it is stored.</param>
public sealed record ThirdPartyIdRow(
    string Medium, string Address, string UserId, string Language, long ValidatedAt, long AddedAt = 0)
{
    /// <summary>The user only.</summary>
    public override string ToString() => UserId;
}

/// <summary>An identifier that is bound at an identity server.</summary>
public sealed record ThirdPartyBinding(string UserId, string Medium, string Address, string IdServer)
{
    /// <summary>The user only.</summary>
    public override string ToString() => UserId;
}

/// <summary>
/// Adds an identifier to an account, or notes that it was validated again. Not applied if another account has it, or if
/// this one has as many as may be. The account is created in the same batch or exists.
/// </summary>
/// <param name="Most">The most identifiers of one user.</param>
public sealed record ThirdPartyIdAdded(ThirdPartyIdRow Row, int Most) : ConditionalChange;

/// <summary>Removes an identifier from an account. Not applied if the account does not have it.</summary>
public sealed record ThirdPartyIdRemoved(string UserId, string Medium, string Address) : ConditionalChange;

/// <summary>Removes all identifiers of an account.</summary>
public sealed record ThirdPartyIdsRemoved(string UserId) : Change;

/// <summary>An identifier was bound. Not applied if the user has as many bindings as may be.</summary>
/// <param name="Most">The most bindings of one user.</param>
public sealed record ThirdPartyIdBound(ThirdPartyBinding Binding, int Most) : ConditionalChange;

/// <summary>An identifier is no longer bound at an identity server.</summary>
public sealed record ThirdPartyIdUnbound(ThirdPartyBinding Binding) : Change;
