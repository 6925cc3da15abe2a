using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Users.PushRules;

/// <summary>Reads and changes the push rules of a user, which are account data `m.push_rules`: so clients see changes when they sync.</summary>
public sealed class UserPushRules(IStorage storage, UserLocks locks)
{
    /// <summary>The type of account data that holds a user's push rules.</summary>
    private const string Type = "m.push_rules";

    /// <summary>All rules of a user, the server's included.</summary>
    public async ValueTask<Ruleset> OfAsync(string userId, CancellationToken stop)
    {
        var row = await storage.AccountData.FindAsync(userId, null, Type, stop).ConfigureAwait(false);
        if (row is null) return Ruleset.Default(userId);

        return JsonText.TryParseStored(row.Content.Span, out var content) ? Ruleset.Parse(userId, content) : Ruleset.Default(userId);
    }

    /// <summary>Makes an edit, or returns why the rules refuse it.</summary>
    public async ValueTask<RulesetError?> ChangeAsync(string userId, Func<Ruleset, RulesetEdit> edit, CancellationToken stop)
    {
        using var held = await locks.TakeAsync(userId, stop).ConfigureAwait(false);
        var before = await OfAsync(userId, stop).ConfigureAwait(false);
        var (after, refusal) = edit(before).Match<(Ruleset?, RulesetError?)>(
            static edited => (edited, null),
            static error => (null, error));
        if (refusal is not null) return refusal;

        var put = new AccountDataPut(userId, null, Type, CanonicalJson.bytes(Json.NewObject(after!.ToContent())));
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(put), stop).ConfigureAwait(false);
        return null;
    }
}
