using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Keys;

internal sealed class KeyClaimTests : TwoUsersTests
{
    [Test]
    public async Task Keys_are_claimed_in_the_order_of_their_uploads_once_each_and_then_the_fallback_key_every_time()
    {
        await UploadsAsync("one_time_keys", ("Z", 1));
        await UploadsAsync("one_time_keys", ("A", 2));
        await UploadsAsync("fallback_keys", ("F", 3));

        var claimed = new List<string?>();
        for (var i = 0; i < 4; i++) claimed.Add(await ClaimsAsync());

        Assert.That(
            claimed,
            Is.EqualTo(
                new[] { "signed_curve25519:Z", "signed_curve25519:A", "signed_curve25519:F", "signed_curve25519:F" }));
    }

    [Test]
    public async Task A_claimed_key_is_the_one_that_was_uploaded()
    {
        var key = ClientKeys.OneTime(Alice.UserId, Alice.DeviceId, 7, fallback: true);
        await Alice.PostAsync("keys/upload", new JsonObject
        {
            ["fallback_keys"] = new JsonObject { ["signed_curve25519:F"] = key.DeepClone() },
        });

        var reply = await Bob.PostAsync("keys/claim", Claim("signed_curve25519"));

        Assert.That(
            JsonNode.DeepEquals(
                reply.Json["one_time_keys"]![Alice.UserId]![Alice.DeviceId]!["signed_curve25519:F"],
                key),
            reply.Text);
    }

    [Test]
    public async Task A_fallback_key_that_was_given_out_counts_as_used_until_another_takes_its_place()
    {
        await UploadsAsync("fallback_keys", ("F", 3));
        var fresh = await UnusedAsync();
        await ClaimsAsync();
        var used = await UnusedAsync();
        await UploadsAsync("fallback_keys", ("F", 3));
        var again = await UnusedAsync();
        await UploadsAsync("fallback_keys", ("G", 4));

        Assert.That((fresh, used, again), Is.EqualTo((1, 0, 0)));
        Assert.That(await UnusedAsync(), Is.EqualTo(1));
        Assert.That(await ClaimsAsync(), Is.EqualTo("signed_curve25519:G"));
    }

    [Test]
    public async Task Concurrent_claims_never_get_the_same_key()
    {
        const int keys = 20;
        await UploadsAsync("one_time_keys", [.. Enumerable.Range(0, keys).Select(i => ($"K{i}", i))]);

        var claimed = await Task.WhenAll(Enumerable.Range(0, keys + 10).Select(_ => ClaimsAsync()));

        Assert.That(claimed.OfType<string>(), Is.Unique);
        Assert.That(claimed.OfType<string>().Count(), Is.EqualTo(keys));
        Assert.That(claimed.Count(key => key is null), Is.EqualTo(10));
    }

    [Test]
    public async Task A_key_that_was_given_out_is_not_given_out_after_a_restart()
    {
        await UploadsAsync("one_time_keys", ("A", 1));
        var first = await ClaimsAsync();

        await Server.RestartAsync();

        Assert.That(first, Is.EqualTo("signed_curve25519:A"));
        Assert.That(await ClaimsAsync(), Is.Null);
    }

    [Test]
    public async Task A_key_that_was_given_out_is_not_given_out_again_when_its_upload_is_repeated()
    {
        await UploadsAsync("one_time_keys", ("A", 1), ("B", 2));
        var first = await ClaimsAsync();

        await UploadsAsync("one_time_keys", ("A", 1), ("B", 2));

        string?[] all = [first, await ClaimsAsync(), await ClaimsAsync()];
        Assert.That(all.OfType<string>(), Is.EquivalentTo(new[] { "signed_curve25519:A", "signed_curve25519:B" }));
    }

    [TestCase("{}")]
    [TestCase("""{"one_time_keys":1}""")]
    [TestCase("""{"one_time_keys":{"@alice:test.example":"D"}}""")]
    [TestCase("""{"one_time_keys":{"@alice:test.example":{"D":1}}}""")]
    public async Task A_claim_with_a_value_of_the_wrong_type_is_bad_json(string body) =>
        (await Bob.SendAsync(HttpMethod.Post, "keys/claim", TestClient.Raw(body))).Is(400, "M_BAD_JSON");

    private JsonObject Claim(string algorithm) => new()
    {
        ["one_time_keys"] = new JsonObject { [Alice.UserId] = new JsonObject { [Alice.DeviceId] = algorithm } },
    };

    private async Task<string?> ClaimsAsync()
    {
        var reply = (await Bob.PostAsync("keys/claim", Claim("signed_curve25519"))).Is(200);
        return reply.Json["one_time_keys"]![Alice.UserId]?[Alice.DeviceId]!.AsObject().Single().Key;
    }

    private async Task UploadsAsync(string kind, params (string Id, int Content)[] keys)
    {
        var json = new JsonObject();
        foreach (var (id, content) in keys)
        {
            json[$"signed_curve25519:{id}"] =
                ClientKeys.OneTime(Alice.UserId, Alice.DeviceId, content, kind == "fallback_keys");
        }

        (await Alice.PostAsync("keys/upload", new JsonObject { [kind] = json })).Is(200);
    }

    private async Task<int> UnusedAsync()
    {
        var storage = (OpenedStorage)Server.Services.GetService(typeof(OpenedStorage))!;
        return (await storage.Keys.CountsAsync(Alice.UserId, Alice.DeviceId, CancellationToken.None))
            .UnusedFallback.Count;
    }
}
