using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership.Commands;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Users;
using Matrix.Host.Users.Commands;

namespace Matrix.Host.Tests.Commands;

/// <summary>Commands between shards as bytes.</summary>
internal sealed class CommandFormatTests
{
    private const string Room = "!kitchen:one.test";
    private const string Alice = "@alice:one.test";

    private static readonly JsonObject _content = JsonObject.OfSeq(
        [("body", Json.Of("Grüße")), ("depth", Json.Of(3L)), ("list", Json.Of([Json.Of("a")]))]);

    private static readonly Draft _state = Draft.State("m.room.topic", "", Alice, _content);

    private static readonly RoomCommand[] _rooms =
    [
        new SendEvent(Room, "id", new Draft("m.room.redaction", null, Alice, _content, "$event"), 12),
        new SendEvent(Room, "id", _state, null),
        new CheckState(Room, _state),
        new SetMembership(Room, "id", Alice, "@bob:one.test", _content, MembershipRule.RefuseUnbanned),
        new JoinRoom(Room, Alice, "service", ["one.test", "two.test"], "why", null, IsLocal: false),
        new JoinRoom(Room, Alice, Alice, [], null, "token", IsLocal: true),
        new ShowProfile(Room, Alice),
        new InviteBound(Room, Alice, "@bob:two.test", _content),
        new CopyBans(Room, "!old:one.test", Alice),
        new HideRoom(Room, Forces: true),
        new ReceiveEvents(Room, "two.test", [_content, JsonObject.Empty]),
        new SetTyping(Room, "@bob:two.test", IsTyping: true),
        new FetchHistory(Room, [new EventNid(3), new EventNid(1L << 40)], new EventNid(4)),
    ];

    private static readonly UserCommand[] _users =
    [
        new CopyRoomSettings(Alice, "!old:one.test", Room),
        new EndAccount(Alice, Erase: true, new PasswordIs(Alice, "hash"), "identity.test"),
        new EndAccount(Alice, Erase: false, new GuestIsUnused(Alice, 1_700_000_000_000), null),
        new EndAccount(
            Alice, Erase: false, new AdminActionRecorded(Alice, "1.2.3.4", "act", "target", "done", 5, 6), null),
        new SetProfileField(Alice, "displayname", Json.Of("Grüße")),
        new SetProfileField(Alice, "displayname", null),
        new AddIdentifier(Alice, "session", "email", "a@b.test", new UserIsActive(Alice)),
        new RemoveIdentifier(Alice, new IdentifierText("email", "a@b.test"), null),
        new RemoveIdentifier(Alice, new IdentifierText("email", "a@b.test"), new UserIsActive(Alice)),
        new SetIdentifiers(
            Alice, [new IdentifierText("msisdn", "447700900001")], new UserIsActive(Alice)),
        new AllowKeyReset(Alice),
    ];

    private static readonly ServerCommand[] _servers = [new WantDeviceLists("two.test", ["@bob:two.test"])];

    [Test]
    public void Every_command_to_a_room_can_be_read_again() => CanBeRead(RoomCommandFormats.All, _rooms);

    [Test]
    public void Every_command_to_a_user_can_be_read_again() => CanBeRead(UserCommandFormats.All, _users);

    [Test]
    public void Every_command_about_a_server_can_be_read_again() => CanBeRead(ServerCommands.Formats, _servers);

    [Test]
    public void The_numbers_of_kinds_never_change()
    {
        Assert.That(NumbersOf(RoomCommandFormats.All, _rooms), Is.EqualTo(new Dictionary<Type, int>
        {
            [typeof(SendEvent)] = 1,
            [typeof(CheckState)] = 2,
            [typeof(SetMembership)] = 3,
            [typeof(JoinRoom)] = 4,
            [typeof(ShowProfile)] = 5,
            [typeof(InviteBound)] = 6,
            [typeof(CopyBans)] = 7,
            [typeof(HideRoom)] = 8,
            [typeof(ReceiveEvents)] = 9,
            [typeof(SetTyping)] = 10,
            [typeof(FetchHistory)] = 11,
        }));
        Assert.That(NumbersOf(UserCommandFormats.All, _users), Is.EqualTo(new Dictionary<Type, int>
        {
            [typeof(CopyRoomSettings)] = 1,
            [typeof(EndAccount)] = 2,
            [typeof(SetProfileField)] = 3,
            [typeof(AddIdentifier)] = 4,
            [typeof(RemoveIdentifier)] = 5,
            [typeof(SetIdentifiers)] = 6,
            [typeof(AllowKeyReset)] = 7,
        }));
        Assert.That(NumbersOf(ServerCommands.Formats, _servers), Is.EqualTo(new Dictionary<Type, int>
        {
            [typeof(WantDeviceLists)] = 1,
        }));
    }

    [Test]
    public void An_answer_keeps_its_failure_whatever_its_kind()
    {
        foreach (var kind in Enum.GetValues<RoomFailureKind>())
        {
            var failure = new RoomFailure(kind, "no") { RoomVersion = "11", Refusal = (403, "M_NO") };
            Assert.That(RoomAnswer.Read(RoomAnswer.Of(failure).ToBytes())!.Failure, Is.EqualTo(failure));
        }

        Assert.That(RoomAnswer.Read(RoomAnswer.Of((RoomFailure?)null).ToBytes())!.Failure, Is.Null);
    }

    [Test]
    public void An_answer_keeps_its_text_and_reasons_and_a_malformed_one_is_none()
    {
        KeyValuePair<string, string>[] reasons = [new("$a", ""), new("$b", "too late")];
        var bytes = new RoomAnswer(RoomFailure.Unknown, "$c", reasons).ToBytes();
        var read = RoomAnswer.Read(bytes)!;
        Assert.That((read.Failure, read.Value), Is.EqualTo((RoomFailure.Unknown, "$c")));
        Assert.That(read.Reasons, Is.EqualTo(reasons));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.That(RoomAnswer.Read(bytes[..length]), Is.Null, $"{length} bytes");
        }

        Assert.That(RoomAnswer.Read((byte[])[.. bytes.Span, 0]), Is.Null);
    }

    [Test]
    public void An_answer_of_a_user_keeps_its_failure_whatever_its_kind()
    {
        foreach (var kind in Enum.GetValues<UserFailureKind>())
        {
            var failure = new UserFailure(kind, "no");
            var bytes = new UserAnswer(failure, "text").ToBytes();
            Assert.That(UserAnswer.Read(bytes), Is.EqualTo(new UserAnswer(failure, "text")));
            Assert.That(UserAnswer.Read(bytes[..^1]), Is.Null);
        }
    }

    private static void CanBeRead<TCommand>(CommandFormats<TCommand> formats, TCommand[] samples)
        where TCommand : class
    {
        var kinds = typeof(TCommand).Assembly.GetTypes()
            .Where(static type => type.IsSubclassOf(typeof(TCommand)) && !type.IsAbstract);
        Assert.That(formats.Kinds, Is.EquivalentTo(kinds), "each kind has a format");
        Assert.That(samples.Select(static each => each.GetType()).Distinct(), Is.EquivalentTo(formats.Kinds));
        foreach (var sample in samples)
        {
            var bytes = formats.Write(sample);
            Assert.That(formats.TryRead(bytes, out var read), $"{sample}");
            Assert.That(read, Is.TypeOf(sample.GetType()));
            Assert.That(formats.Write(read!).ToArray(), Is.EqualTo(bytes.ToArray()), $"{sample}");
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.That(formats.TryRead(bytes[..length], out _), Is.False, $"{length} bytes of {sample}");
            }

            Assert.That(formats.TryRead((byte[])[.. bytes.Span, 0], out _), Is.False, "a byte is left over");
            for (var bit = 0; bit < bytes.Length * 8; bit++)
            {
                var changed = bytes.ToArray();
                changed[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.DoesNotThrow(() => formats.TryRead(changed, out _));
            }
        }
    }

    private static Dictionary<Type, int> NumbersOf<TCommand>(CommandFormats<TCommand> formats, TCommand[] samples)
        where TCommand : class
    {
        var numbers = new Dictionary<Type, int>();
        foreach (var sample in samples)
        {
            var cbor = new System.Formats.Cbor.CborReader(formats.Write(sample));
            cbor.ReadStartArray();
            numbers[sample.GetType()] = cbor.ReadInt32();
        }

        return numbers;
    }
}
