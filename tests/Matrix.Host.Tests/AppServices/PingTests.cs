using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.AppServices;

internal sealed class PingTests : AppServiceTests
{
    private const string Path = "/_matrix/client/v1/appservice/bridge/ping";

    protected override (string Key, string Value)[] Settings => [("app_services.query_time", "300ms")];

    [Test]
    public async Task A_ping_reaches_the_service_with_its_transaction_id()
    {
        var reply = (await Bridge.PostAsync(Path, new JsonObject { ["transaction_id"] = "meow" })).Is(200);

        Assert.That((long)reply.Json["duration_ms"]!, Is.GreaterThanOrEqualTo(0));
        var request = Service.Requests.Single(each => !each.IsTransaction);
        Assert.That((request.Method, request.Path, request.Authorization, request.Body), Is.EqualTo(
            ("POST", "/_matrix/app/v1/ping", "Bearer the-hs-token", """{"transaction_id":"meow"}""")));
    }

    [Test]
    public async Task An_error_of_the_service_is_shown()
    {
        Service.Answers(403, """{"errcode":"M_FORBIDDEN"}""");

        var reply = (await Bridge.PostAsync(Path)).Is(502, "M_BAD_STATUS");

        Assert.That((int)reply.Json["status"]!, Is.EqualTo(403));
        Assert.That(reply.Member("body"), Is.EqualTo("""{"errcode":"M_FORBIDDEN"}"""));
    }

    [Test]
    public async Task A_service_that_does_not_answer_in_time_is_told_from_one_that_is_not_there()
    {
        var stopped = new TaskCompletionSource();
        Service.Responds = async _ =>
        {
            await stopped.Task;
            return TestService.Ok;
        };
        (await Bridge.PostAsync(Path)).Is(504, "M_CONNECTION_TIMEOUT");
        stopped.SetResult();

        Service.Registers(url: "\"http://127.0.0.1:1\"");
        await Server.RestartAsync();
        (await Bridge.PostAsync(Path)).Is(502, "M_CONNECTION_FAILED");
    }

    [Test]
    public async Task Only_the_service_itself_asks_for_a_ping()
    {
        (await Server.Anyone.PostAsync(Path)).Is(401, "M_MISSING_TOKEN");
        (await Alice.PostAsync(Path)).Is(403, "M_FORBIDDEN");
        (await Bridge.PostAsync("/_matrix/client/v1/appservice/another/ping")).Is(403, "M_FORBIDDEN");
        (await Bridge.PostAsync(Path, new JsonObject { ["transaction_id"] = 1 })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task A_service_without_a_url_is_not_pinged()
    {
        Service.Registers(url: "null");
        await Server.RestartAsync();

        (await Bridge.PostAsync(Path)).Is(400, "M_URL_NOT_SET");
    }
}
