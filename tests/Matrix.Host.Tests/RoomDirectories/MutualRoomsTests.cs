using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.RoomDirectories;

/// <summary>The rooms that two users share. Client-Server API, "Mutual Rooms".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class MutualRoomsTests(string kind) : TwoUsersTests(kind)
{
    private const string Path = "/_matrix/client/v1/mutual_rooms?user_id=";

    [Test]
    public async Task Rooms_in_which_both_are_joined_come_in_pages()
    {
        await Server.RestartAsync(("limits.mutual_rooms", "2"));
        var shared = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            shared.Add(await Alice.CreatesRoomAsync());
            await Bob.JoinsAsync(shared[^1]);
        }

        await Alice.CreatesRoomAsync();
        var invited = await Alice.CreatesRoomAsync();
        await Alice.InvitesAsync(invited, Bob);
        await Bob.LeavesAsync(shared[4]);

        var first = (await Bob.GetAsync(Path + UserActions.Esc(Alice.UserId))).Is(200).Json;
        var second = (await Bob.GetAsync(
            Path + UserActions.Esc(Alice.UserId) + "&from=" + (string)first["next_batch"]!)).Is(200).Json;

        Assert.That(
            first["joined"]!.AsArray().Concat(second["joined"]!.AsArray()).Select(room => (string?)room),
            Is.EqualTo(shared[..4]));
        Assert.That(((int)first["count"]!, (int)second["count"]!), Is.EqualTo((4, 4)));
        Assert.That(second["next_batch"], Is.Null);

        const string Older = "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms?user_id=";
        var older = (await Bob.GetAsync(Older + UserActions.Esc(Alice.UserId))).Is(200).Json;
        var token = (string)older["next_batch_token"]!;
        var rest = (await Bob.GetAsync(
            Older + UserActions.Esc(Alice.UserId) + "&batch_token=" + token)).Is(200).Json;
        Assert.That(rest["joined"]!.AsArray(), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Nobody_shares_rooms_with_the_unknown_and_oneself_is_no_other_user()
    {
        var json = (await Bob.GetAsync(Path + UserActions.Esc("@nobody:elsewhere.example"))).Is(200).Json;
        Assert.That(json.ToJsonString(), Is.EqualTo("""{"joined":[],"count":0}"""));
        (await Bob.GetAsync(Path + UserActions.Esc(Bob.UserId))).Is(400, "M_INVALID_PARAM");
        (await Bob.GetAsync(Path + "nobody")).Is(400, "M_INVALID_PARAM");
        (await Bob.GetAsync("/_matrix/client/v1/mutual_rooms")).Is(400, "M_MISSING_PARAM");
        (await Bob.GetAsync(Path + UserActions.Esc(Alice.UserId) + "&from=x")).Is(400, "M_INVALID_PARAM");
        (await Server.Anyone.GetAsync(Path + UserActions.Esc(Alice.UserId))).Is(401, "M_MISSING_TOKEN");
    }
}
