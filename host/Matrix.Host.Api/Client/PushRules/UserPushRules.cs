using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Api.Client.AccountData;
using Matrix.Host.Api.Client.Sessions;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Api.Client.PushRules;

/// <summary>Reads and changes the push rules of a user, which are account data `m.push_rules`: so clients see changes when they sync.</summary>
internal sealed class UserPushRules(IStorage storage, UserLocks locks)
{
    /// <summary>All rules of a user, the server's included.</summary>
    internal async ValueTask<Ruleset> OfAsync(string userId, CancellationToken stop)
    {
        var row = await storage.AccountData.FindAsync(userId, null, AccountDataTypes.PushRules, stop).ConfigureAwait(false);
        if (row is null) return Ruleset.Default(userId);

        return JsonText.TryParseStored(row.Content.Span, out var content) ? Ruleset.Parse(userId, content) : Ruleset.Default(userId);
    }

    /// <summary>Makes an edit, or answers why it is refused.</summary>
    internal async ValueTask<Answer> ChangeAsync(string userId, Func<Ruleset, RulesetEdit> edit, CancellationToken stop)
    {
        using var turn = await locks.TakeAsync(userId, stop).ConfigureAwait(false);
        var before = await OfAsync(userId, stop).ConfigureAwait(false);
        var (after, refusal) = edit(before).Match<(Ruleset?, Answer?)>(
            static edited => (edited, null),
            static error => (null, Answer.Error(error.Status, error.ErrCode, error.ToString())));
        if (refusal is not null) return refusal;

        var put = new PutAccountData(userId, null, AccountDataTypes.PushRules, CanonicalJson.bytes(Json.NewObject(after!.ToContent())));
        await storage.Writer.WriteAsync(new WriteSet(1).Add(put), stop).ConfigureAwait(false);
        return Answer.Empty;
    }
}
