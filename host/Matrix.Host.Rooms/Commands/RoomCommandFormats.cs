using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Ownership.Commands;

namespace Matrix.Host.Rooms.Commands;

/// <summary>The commands to rooms as bytes.</summary>
internal static class RoomCommandFormats
{
    internal static CommandFormats<RoomCommand> All { get; } = new CommandFormats<RoomCommand>()
        .Add<SendEvent>(
            1,
            static (to, it) => to.Text(it.RoomId).Text(it.Id).Draft(it.Event).IntOrNull(it.Timestamp),
            static from => new SendEvent(from.Text(), from.Text(), from.Draft(), from.IntOrNull()))
        .Add<CheckState>(
            2,
            static (to, it) => to.Text(it.RoomId).Draft(it.Event),
            static from => new CheckState(from.Text(), from.Draft()))
        .Add<SetMembership>(
            3,
            static (to, it) => to.Text(it.RoomId).Text(it.Id).Text(it.Sender).Text(it.UserId).Json(it.Content)
                .Int((int)it.Rule),
            static from => new SetMembership(
                from.Text(), from.Text(), from.Text(), from.Text(), from.Json(), from.Rule()))
        .Add<JoinRoom>(
            4,
            static (to, it) => to.Text(it.RoomId).Text(it.UserId).Text(it.Who)
                .Items(it.Via, static (to, server) => to.Text(server))
                .TextOrNull(it.Reason).TextOrNull(it.InvitationToken).Bool(it.IsLocal),
            static from => new JoinRoom(
                from.Text(),
                from.Text(),
                from.Text(),
                from.Items(static from => from.Text()),
                from.TextOrNull(),
                from.TextOrNull(),
                from.Bool()))
        .Add<ShowProfile>(
            5,
            static (to, it) => to.Text(it.RoomId).Text(it.UserId),
            static from => new ShowProfile(from.Text(), from.Text()))
        .Add<InviteBound>(
            6,
            static (to, it) => to.Text(it.RoomId).Text(it.UserId).Text(it.Sender).Json(it.Proof),
            static from => new InviteBound(from.Text(), from.Text(), from.Text(), from.Json()))
        .Add<CopyBans>(
            7,
            static (to, it) => to.Text(it.RoomId).Text(it.OldRoomId).Text(it.Sender),
            static from => new CopyBans(from.Text(), from.Text(), from.Text()))
        .Add<HideRoom>(
            8,
            static (to, it) => to.Text(it.RoomId).Bool(it.Forces),
            static from => new HideRoom(from.Text(), from.Bool()))
        .Add<ReceiveEvents>(
            9,
            static (to, it) => to.Text(it.RoomId).Text(it.Origin).Items(it.Pdus, static (to, pdu) => to.Json(pdu)),
            static from => new ReceiveEvents(from.Text(), from.Text(), from.Items(static from => from.Json())))
        .Add<SetTyping>(
            10,
            static (to, it) => to.Text(it.RoomId).Text(it.UserId).Bool(it.IsTyping),
            static from => new SetTyping(from.Text(), from.Text(), from.Bool()))
        .Add<FetchHistory>(
            11,
            static (to, it) => to.Text(it.RoomId).Items(it.Followers, static (to, nid) => to.Nid(nid)).Nid(it.Below),
            static from => new FetchHistory(from.Text(), from.Items(static from => from.Nid()), from.Nid()));

    private static ChangeWriter Json(this ChangeWriter to, JsonObject value) => to.Bytes(JsonText.Write(value));

    private static JsonObject Json(this ChangeReader from) => JsonText.TryParseStored(from.Bytes(), out var value)
        ? value
        : throw new InvalidDataException("A command has malformed JSON.");

    private static ChangeWriter Draft(this ChangeWriter to, Draft value) =>
        to.Text(value.Type).TextOrNull(value.StateKey).Text(value.Sender).Json(value.Content).TextOrNull(value.Redacts);

    private static Draft Draft(this ChangeReader from) =>
        new(from.Text(), from.TextOrNull(), from.Text(), from.Json(), from.TextOrNull());

    private static MembershipRule Rule(this ChangeReader from) => (MembershipRule)from.Int32() is var rule
        && Enum.IsDefined(rule)
            ? rule
            : throw new InvalidDataException("A command has an unknown rule.");
}
