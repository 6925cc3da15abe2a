using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Users.PushRules;

/// <summary>
/// Reads and changes the push rules of a user. They are account data `m.push_rules`, so clients receive changes through
/// sync.
/// </summary>
public sealed class UserPushRules(
    IAccountDataTable accountDataTable, IStorageWriter writer, UserLocks locks, UsersOptions options)
{
    /// <summary>The type of account data that holds a user's push rules.</summary>
    public const string Type = EventTypes.PushRules;

    /// <summary>The limits of a user's rules.</summary>
    public RulesetLimits Limits { get; } = new(
        options.PushRules, RulesetLimits.Default.PartsPerRule, RulesetLimits.Default.Characters);

    /// <summary>The content of `m.push_rules` account data, the server's rules included.</summary>
    public static JsonObject ContentOf(string userId, ReadOnlyMemory<byte> stored) =>
        (Parse(userId, stored) ?? Ruleset.Default(userId)).ToContent();

    /// <summary>The content for a user who has not changed the defaults.</summary>
    public static JsonObject DefaultContent(string userId) => Ruleset.Default(userId).ToContent();

    /// <summary>All rules of a user, the server's included.</summary>
    public async ValueTask<Ruleset> OfAsync(string userId, CancellationToken stop) =>
        Of(userId, await accountDataTable.FindAsync(userId, null, Type, stop));

    /// <summary>Makes an edit, or returns why the rules refuse it.</summary>
    public async ValueTask<RulesetError?> ChangeAsync(
        string userId, Func<Ruleset, RulesetEdit> edit, CancellationToken stop)
    {
        using var held = await locks.TakeAsync(userId, stop);
        var row = await accountDataTable.FindAsync(userId, null, Type, stop);
        var before = Of(userId, row);
        var (after, refusal) = edit(before).Match<(Ruleset?, RulesetError?)>(
            static edited => (edited, null),
            static error => (null, error));
        if (refusal is not null) return refusal;

        var content = CanonicalJson.Bytes(Json.Of(after!.ToContent()));

        // Rules that are too large already, because the limit was greater, can still be made smaller.
        if (!Fits(content) && content.Length > (row?.Content.Length ?? 0))
        {
            return RulesetError.NewTooMuch("bytes of push rules", options.PushRuleBytes);
        }

        var put = new AccountDataPut(userId, null, Type, content);
        await writer.WriteAsync(new WriteBatch(Authority.User(userId), 1).Add(put), stop);
        return null;
    }

    /// <summary>Whether the content of `m.push_rules` is not too large.</summary>
    internal bool Fits(ReadOnlyMemory<byte> content) => content.Length <= options.PushRuleBytes;

    /// <summary>Stored rules; null if the content cannot be parsed.</summary>
    internal static Ruleset? Parse(string userId, ReadOnlyMemory<byte> stored) =>
        JsonText.TryParseStored(stored.Span, out var content) ? Ruleset.Parse(userId, content) : null;

    private static Ruleset Of(string userId, AccountDataRow? row) =>
        (row is null ? null : Parse(userId, row.Content)) ?? Ruleset.Default(userId);
}
