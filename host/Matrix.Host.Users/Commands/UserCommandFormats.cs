using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Ownership.Commands;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.Guests;

namespace Matrix.Host.Users.Commands;

/// <summary>The commands to users as bytes.</summary>
internal static class UserCommandFormats
{
    internal static CommandFormats<UserCommand> All { get; } = new CommandFormats<UserCommand>()
        .Add<CopyRoomSettings>(
            1,
            static (to, it) => to.Text(it.UserId).Text(it.OldRoomId).Text(it.NewRoomId),
            static from => new CopyRoomSettings(from.Text(), from.Text(), from.Text()))
        .Add<EndAccount>(
            2,
            static (to, it) => to.Text(it.UserId).Bool(it.Erase).Condition(it.Condition).TextOrNull(it.IdentityServer),
            static from => new EndAccount(from.Text(), from.Bool(), from.Condition(), from.TextOrNull()))
        .Add<SetProfileField>(
            3,
            static (to, it) => to.Text(it.UserId).Text(it.Name).Json(it.Value),
            static from => new SetProfileField(from.Text(), from.Text(), from.Json()))
        .Add<AddIdentifier>(
            4,
            static (to, it) => to.Text(it.UserId).Text(it.SessionId).Text(it.Medium).Text(it.Address)
                .Condition(it.Condition),
            static from => new AddIdentifier(from.Text(), from.Text(), from.Text(), from.Text(), from.Condition()))
        .Add<RemoveIdentifier>(
            5,
            static (to, it) => to.Text(it.UserId).Id(it.Id).ConditionOrNull(it.Condition),
            static from => new RemoveIdentifier(from.Text(), from.Id(), from.ConditionOrNull()))
        .Add<SetIdentifiers>(
            6,
            static (to, it) => to.Text(it.UserId).Items(it.Ids, static (to, id) => to.Id(id)).Condition(it.Record),
            static from => new SetIdentifiers(from.Text(), from.Items(static from => from.Id()), from.Condition()))
        .Add<AllowKeyReset>(
            7,
            static (to, it) => to.Text(it.UserId),
            static from => new AllowKeyReset(from.Text()));

    private static ChangeWriter Json(this ChangeWriter to, Json? value) =>
        to.Bytes(value is null ? ReadOnlyMemory<byte>.Empty : JsonText.Write(value));

    private static Json? Json(this ChangeReader from) => from.Bytes() switch
    {
        [] => null,
        var bytes => JsonText.TryParse(bytes, Reading.Client, JsonText.ClientBodyLimits, out var value, out _)
            ? value
            : throw new InvalidDataException("A command has malformed JSON."),
    };

    private static ChangeWriter Id(this ChangeWriter to, IdentifierText id) => to.Text(id.Medium).Text(id.Address);

    private static IdentifierText Id(this ChangeReader from) => new(from.Text(), from.Text());

    /// <summary>Writes one of the conditions that requests have.</summary>
    private static ChangeWriter Condition(this ChangeWriter to, ConditionalChange condition) => condition switch
    {
        UserIsActive it => to.Int(1).Text(it.UserId),
        PasswordIs it => to.Int(2).Text(it.UserId).Text(it.PasswordHash),
        GuestIsUnused it => to.Int(3).Text(it.UserId).Int(it.Since),
        AdminActionRecorded it => to.Int(4).Text(it.Who).Text(it.Address).Text(it.Action).Text(it.Target)
            .Text(it.Result).Int(it.KeptFor).Int(it.Most),
        _ => throw new InvalidOperationException($"No command has the condition {condition.GetType().Name}."),
    };

    private static ConditionalChange Condition(this ChangeReader from) => from.ConditionOrNull()
        ?? throw new InvalidDataException("A command has no condition.");

    private static ChangeWriter ConditionOrNull(this ChangeWriter to, ConditionalChange? condition) =>
        condition is null ? to.Int(0) : to.Condition(condition);

    private static ConditionalChange? ConditionOrNull(this ChangeReader from) => from.Int() switch
    {
        0 => null,
        1 => new UserIsActive(from.Text()),
        2 => new PasswordIs(from.Text(), from.Text()),
        3 => new GuestIsUnused(from.Text(), from.Int()),
        4 => new AdminActionRecorded(
            from.Text(), from.Text(), from.Text(), from.Text(), from.Text(), from.Int(), from.Int()),
        _ => throw new InvalidDataException("A command has an unknown condition."),
    };
}
