namespace Matrix.Host.Tests.Moderation;

/// <summary>`GET /admin/whois/{userId}`.</summary>
internal sealed class WhoIsTests : ModerationTests
{
    [Test]
    public async Task A_user_and_administrators_see_each_devices_latest_connection()
    {
        var user = await SomeoneAsync();
        var client = await user.LogsInAsync();
        await client.SendAsync(HttpMethod.Get, "account/whoami", null, ("User-Agent", "a client/1.0"));
        await Server.RestartAsync();

        foreach (var asker in new[] { user, Admin })
        {
            var found = (await asker.GetAsync($"admin/whois/{Esc(user.UserId)}")).Is(200);
            Assert.That(found.Member("user_id"), Is.EqualTo(user.UserId));
            var devices = found.Json["devices"]!.AsObject();
            Assert.That(
                devices.Select(each => each.Key), Is.EquivalentTo(new[] { user.DeviceId, client.DeviceId }));
            var seen = devices[client.DeviceId]!["sessions"]![0]!["connections"]![0]!;
            Assert.That((string?)seen["ip"], Is.EqualTo("127.0.0.1"));
            Assert.That((string?)seen["user_agent"], Is.EqualTo("a client/1.0"));
            Assert.That((long)seen["last_seen"]!, Is.GreaterThan(0));
        }
    }

    [Test]
    public async Task Nobody_else_sees_them()
    {
        var user = await SomeoneAsync();

        (await user.GetAsync($"admin/whois/{Esc(Admin.UserId)}")).Is(403, "M_FORBIDDEN");
        (await user.GetAsync($"admin/whois/{Esc("@nobody:test.example")}")).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.GetAsync($"admin/whois/{Esc(user.UserId)}")).Is(401, "M_MISSING_TOKEN");
        (await Admin.GetAsync($"admin/whois/{Esc("@nobody:test.example")}")).Is(404, "M_NOT_FOUND");
    }
}
