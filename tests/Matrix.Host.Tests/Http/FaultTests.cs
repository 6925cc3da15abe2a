using System.Text;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Http;

public sealed class FaultTests
{
    [Test]
    public async Task A_fault_is_logged_with_the_requests_id_and_shows_the_client_nothing_of_its_inside()
    {
        var (status, body, log) = await AnswerAsync(
            new InvalidOperationException("the inside"),
            "/_matrix/client/v3/fault?access_token=a-secret");

        Assert.That(status, Is.EqualTo(500));
        Assert.That(
            body,
            Does.StartWith("""{"errcode":"M_UNKNOWN",""")
                .And.Contain("request-7").And.Not.Contain("inside").And.Not.Contain(" at "));
        Assert.That(
            log,
            Does.Contain("request_id=request-7")
                .And.Contain("route=/_matrix/client/v3/fault").And.Contain("the inside").And.Contain("level=error"));
        Assert.That(log.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1));
        Assert.That(log, Does.Not.Contain("a-secret"));
    }

    [TestCase(StorageFailure.Full, 503, "M_UNKNOWN")]
    [TestCase(StorageFailure.Busy, 503, "M_UNKNOWN")]
    [TestCase(StorageFailure.Unavailable, 503, "M_UNKNOWN")]
    [TestCase(StorageFailure.Overloaded, 503, "M_UNKNOWN")]
    [TestCase(StorageFailure.Closed, 503, "M_UNKNOWN")]
    [TestCase(StorageFailure.Rejected, 400, "M_INVALID_PARAM")]
    public async Task A_database_that_cannot_is_told(StorageFailure failure, int status, string errcode)
    {
        var answer = await AnswerAsync(new StorageException(failure, "the inside"), "/_matrix/client/v3/fault");

        Assert.That(answer.Status, Is.EqualTo(status));
        Assert.That(answer.Body, Does.StartWith($$"""{"errcode":"{{errcode}}",""").And.Not.Contain("inside"));
    }

    private static async Task<(int Status, string Body, string Log)> AnswerAsync(Exception fault, string target)
    {
        var body = new MemoryStream();
        int status;
        using var lines = new LineLog();
        using (var factory = LoggerFactory.Create(logging => logging.AddProvider(lines)))
        {
            var api = new ClientServer(
                [new Faulty(fault)],
                new ClientAdmission(new NoTokens(), new AppServiceDirectory([]), serviceCallers: null!, locks: null!),
                waiting: null!,
                new HttpOptions { Body = 1000, EventBody = 1000, LargeBody = 1000 },
                new ClientRates(
                    new RateLimiter(new RateLimitOptions { Enabled = false, Tracked = 10 }, TimeProvider.System),
                    overrides: null!,
                    known: null!),
                new RequestCounts(TimeProvider.System),
                TimeProvider.System,
                new BrowserPages(new PageOptions(IsSecure: false, "test.example", "", HasAdminPage: true)),
                factory.CreateLogger<ClientServer>());

            var http = new DefaultHttpContext { TraceIdentifier = "request-7" };
            http.Request.Method = "GET";
            http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
            http.Response.Body = body;
            await api.HandleAsync(http);
            await http.Response.BodyWriter.FlushAsync();
            status = http.Response.StatusCode;
        }

        return (status, Encoding.UTF8.GetString(body.ToArray()), lines.Lines);
    }

    private sealed class Faulty(Exception fault) : IEndpoints
    {
        public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody)
            .Get("fault", (_, _) => throw fault, new RouteOptions { Access = Access.Anyone });
    }

    private sealed class NoTokens : IAccessTokens
    {
        public ValueTask<TokenLookup> FindAsync(
            BearerToken token, string address, string? userAgent, CancellationToken stop) =>
            ValueTask.FromResult(default(TokenLookup));

        public ValueTask<bool> GoesOnAsync(Caller caller, CancellationToken stop) => ValueTask.FromResult(false);

        public bool IsUnchanged(Caller caller) => false;
    }
}
