using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds.Messages;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>
/// Tells users by mail what happened to their accounts, so that they notice what they did not do themselves.
/// </summary>
public sealed class AddressNotices(ThirdPartyIdsTable thirdPartyIdsTable, MessageSender sender)
{
    /// <summary>The password was changed.</summary>
    public async ValueTask PasswordChangedAsync(string userId, CancellationToken stop) => Post(
        MessageKind.PasswordChanged,
        userId,
        "",
        await thirdPartyIdsTable.OfUserAsync(userId, stop));

    /// <summary>An identifier was added: the account's others get a mail.</summary>
    internal async ValueTask AddedAsync(string userId, ThirdPartyId added, CancellationToken stop)
    {
        var all = await thirdPartyIdsTable.OfUserAsync(userId, stop);
        Post(
            MessageKind.Added,
            userId,
            Format(added),
            all.Where(row => row.Medium != added.Medium || row.Address != added.Address));
    }

    /// <summary>An identifier was removed: it gets a mail too.</summary>
    /// <param name="before">The account's identifiers before.</param>
    internal void Removed(string userId, ThirdPartyId removed, IReadOnlyList<ThirdPartyIdRow> before) =>
        Post(MessageKind.Removed, userId, Format(removed), before);

    private static string Format(ThirdPartyId id) => id.Medium == Medium.Phone ? "+" + id.Address : id.Address;

    /// <summary>Notices that find no space are dropped: they are bounded by requests that authenticate.</summary>
    private void Post(MessageKind kind, string userId, string about, IEnumerable<ThirdPartyIdRow> to)
    {
        if (!sender.Supports(Medium.Email)) return;
        foreach (var row in to)
        {
            if (row.Medium == Medium.Email && ThirdPartyId.OfEmail(row.Address) is { } address)
            {
                _ = sender.TryPost(new Message(kind, address, row.Language) { UserId = userId, About = about });
            }
        }
    }
}
