using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Http;

/// <summary>Requests of several users on one connection, as behind a proxy.</summary>
internal sealed class OneConnectionTests : TwoUsersTests
{
    private HttpClient _http = null!;

    [SetUp]
    public void Connect()
    {
        var handler = new SocketsHttpHandler { MaxConnectionsPerServer = 1 };
        _http = new HttpClient(handler) { BaseAddress = Server.ClientAddress };
    }

    [TearDown]
    public void Disconnect() => _http.Dispose();

    [Test]
    public async Task Each_request_is_made_by_the_owner_of_its_token()
    {
        var (alice, bob) = (Alice.Token!, Bob.Token!);
        foreach (var (authorization, user) in new[]
                 {
                     ($"Bearer {alice}", Alice.UserId),
                     ($"Bearer {alice}", Alice.UserId),
                     ($"Bearer {bob}", Bob.UserId),
                     ($"bearer  {alice}", Alice.UserId),
                     ("Bearer ", null),
                     ("Basic YTpi", null),
                     (null, null),
                     ($"Bearer {alice[..^1]}", null),
                     ($"Bearer {new string('a', 300)}", null),
                     ($"Bearer {bob}", Bob.UserId),
                 })
        {
            Assert.That(await WhoAsync(authorization), Is.EqualTo(user), authorization ?? "no header");
        }
    }

    [Test]
    public async Task A_token_that_ended_is_refused()
    {
        var header = $"Bearer {Bob.Token}";
        Assert.That(await WhoAsync(header), Is.EqualTo(Bob.UserId));
        (await Bob.PostAsync("logout")).Is(200);
        Assert.That(await WhoAsync(header), Is.Null);
        Assert.That(await WhoAsync(header), Is.Null);
    }

    private async Task<string?> WhoAsync(string? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/_matrix/client/v3/account/whoami");
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode) return null;
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["user_id"]!.GetValue<string>();
    }
}
