using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Matrix.Host.Tests.Sync;

namespace Matrix.Host.Tests.AppServices;

internal sealed class EphemeralTests : AppServiceTests
{
    protected override string Registration => "receive_ephemeral: true";

    [Test]
    public async Task Receipts_and_typing_users_of_its_rooms_reach_the_service()
    {
        var room = await BridgedRoomAsync();
        var said = await Alice.SaysAsync(room, "one");

        await Alice.ReadsAsync(room, said);
        var receipt = await EphemeralAsync("m.receipt");
        await Alice.TypesAsync(room);
        var typing = await EphemeralAsync("m.typing");

        Assert.That((string?)receipt["room_id"], Is.EqualTo(room));
        Assert.That((long)receipt["content"]![said]!["m.read"]![Alice.UserId]!["ts"]!, Is.GreaterThan(0));
        Assert.That((string?)typing["room_id"], Is.EqualTo(room));
        Assert.That((string?)typing["content"]!["user_ids"]![0], Is.EqualTo(Alice.UserId));
    }

    [Test]
    public async Task Private_receipts_and_those_of_other_rooms_do_not()
    {
        var mine = await Alice.CreatesRoomAsync();
        var secret = await Alice.SaysAsync(mine, "secret");
        var room = await BridgedRoomAsync();
        var said = await Alice.SaysAsync(room, "one");

        await Alice.ReadsAsync(mine, secret);
        await Alice.ReadsAsync(room, said, type: "m.read.private");
        await Alice.SaysAsync(room, "two");
        await Alice.ReadsAsync(room, await Alice.SaysAsync(room, "three"));
        await EphemeralAsync("m.receipt");

        var all = Service.Transactions.SelectMany(each => each.Json["ephemeral"]!.AsArray());
        Assert.That(all.Select(each => (string?)each!["room_id"]).Distinct(), Is.EqualTo(new[] { room }));
        Assert.That(all.Select(each => each!.ToJsonString()), Has.None.Contains("m.read.private"));
    }

    private async Task<JsonObject> EphemeralAsync(string type)
    {
        JsonObject? found = null;
        await Service.TakesAsync(request =>
        {
            found = request.Json["ephemeral"]?.AsArray().Select(each => each!.AsObject())
                .FirstOrDefault(each => (string?)each["type"] == type);
            return found is not null;
        });
        return found!;
    }
}
