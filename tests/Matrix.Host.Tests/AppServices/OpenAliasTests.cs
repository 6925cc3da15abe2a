namespace Matrix.Host.Tests.AppServices;

/// <summary>Aliases in the namespaces of a service, for which clients need no token.</summary>
internal sealed class OpenAliasTests : AppServiceTests
{
    protected override (string Key, string Value)[] Settings =>
    [
        ("rate_limits.enabled", "true"),
        ("rate_limits.open_summaries_per_second", "0.001"),
        ("rate_limits.open_summaries_burst", "1"),
    ];

    [Test]
    public async Task Without_a_token_services_are_asked_at_a_limited_rate()
    {
        Service.Answers(404, """{"errcode":"COM.EXAMPLE_NOT_FOUND"}""");
        const string bridged = "directory/room/%23_irc_none:test.example";
        const string other = "directory/room/%23none:test.example";

        (await Server.Anyone.GetAsync(other)).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(bridged)).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(bridged)).Is(429, "M_LIMIT_EXCEEDED");
        (await Server.Anyone.GetAsync(other)).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync(bridged)).Is(404, "M_NOT_FOUND");
        (await Bridge.GetAsync(bridged)).Is(404, "M_NOT_FOUND");
        Assert.That(Service.Requests.Count(each => !each.IsTransaction), Is.EqualTo(3));
    }
}
