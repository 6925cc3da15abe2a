using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Ownership;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Tests.Pages;

public sealed class PageTests
{
    private static readonly PageSessions _sessions = new(
        new PageOptions(IsSecure: true, "test.example", "", HasAdminPage: true), ShardGates.AlwaysOpen);

    [Test]
    public void Values_in_a_page_are_escaped_and_its_own_pieces_are_not()
    {
        var piece = Html.Of($"<b>{"<script>"}</b>");
        Assert.That(
            Html.Of($"""<a title="{"\"'><"}">{piece} {7}</a>""").ToString(),
            Is.EqualTo("""<a title="&quot;&#39;&gt;&lt;"><b>&lt;script&gt;</b> 7</a>"""));
        Assert.That(Html.Join([piece, piece]).ToString(), Is.EqualTo($"{piece}{piece}"));
    }

    [Test]
    public async Task A_page_cannot_be_framed_kept_by_caches_or_run_scripts_that_are_not_its_own()
    {
        var http = new DefaultHttpContext();
        using var body = new MemoryStream();
        http.Response.Body = body;
        var page = HtmlPage.Of("A & B", Html.Of($"<p>Text</p>"), "done();", ["https://app.example.org"], 403);
        await page.SendAsync(http.Response);
        await http.Response.BodyWriter.FlushAsync();

        Assert.That(http.Response.StatusCode, Is.EqualTo(403));
        Assert.That(System.Text.Encoding.UTF8.GetString(body.ToArray()), Does.Contain("<h1>A &amp; B</h1>"));
        var headers = http.Response.Headers;
        Assert.That(headers["X-Frame-Options"].ToString(), Is.EqualTo("DENY"));
        Assert.That(headers.CacheControl.ToString(), Is.EqualTo("no-store"));
        var policy = headers.ContentSecurityPolicy.ToString();
        Assert.That(policy, Does.Contain("default-src 'none'").And.Contain("frame-ancestors 'none'"));
        Assert.That(policy, Does.Contain("script-src 'sha256-").And.Not.Contain("unsafe-inline"));
        Assert.That(policy, Does.Contain("form-action 'self' https://app.example.org;"));
    }

    [Test]
    public void A_form_counts_only_with_the_token_of_the_browser_that_it_was_made_for()
    {
        var first = _sessions.Of(NewCall());
        var browser = _sessions.Of(NewCall(cookie: first.NewCookie!.Split(';')[0]));
        var other = _sessions.Of(NewCall(cookie: _sessions.Begin().NewCookie!.Split(';')[0]));
        var token = browser.FormField.ToString().Split("value=\"")[1].Split('"')[0];

        Assert.That(browser.NewCookie, Is.Null);
        Assert.That(browser.Accepts(new FormReader($"form_token={token}")));
        Assert.That(other.Accepts(new FormReader($"form_token={token}")), Is.False);
        Assert.That(first.Accepts(new FormReader($"form_token={token}")), Is.False, "It has no cookie yet.");
        Assert.That(browser.Accepts(new FormReader("")), Is.False);
    }

    [Test]
    public void The_cookie_of_a_session_is_for_this_host_by_TLS_only_and_hidden_from_scripts()
    {
        Assert.That(
            _sessions.Begin().NewCookie,
            Does.StartWith("__Host-matrix-session=").And.EndsWith("; Path=/; HttpOnly; SameSite=Lax; Secure"));

        // Two cookies of one name: another host of the domain may have set one of them.
        var twice = _sessions.Of(NewCall(cookie: "__Host-matrix-session=a; __Host-matrix-session=b"));
        Assert.That(twice.NewCookie, Is.Not.Null);
    }

    [TestCase("Sec-Fetch-Site", "same-origin", true)]
    [TestCase("Sec-Fetch-Site", "same-site", false)]
    [TestCase("Sec-Fetch-Site", "cross-site", false)]
    [TestCase("Origin", "https://here.example.org:8448", true)]
    [TestCase("Origin", "https://here.example.org", false)]
    [TestCase("Origin", "null", false)]
    [TestCase("Accept", "text/html", true)]
    public void A_browser_says_whether_a_form_comes_from_this_server(string header, string value, bool allowed)
    {
        var request = new DefaultHttpContext().Request;
        request.Host = new HostString("here.example.org:8448");
        request.Headers[header] = value;
        Assert.That(SameOrigin.Allows(request), Is.EqualTo(allowed));
    }

    [Test]
    public void A_form_is_decoded_and_says_which_of_its_fields_is_repeated()
    {
        var form = new FormReader("name=a+b%26&empty=&name=c"u8);
        Assert.That(form.Text("name"), Is.EqualTo("a b&"));
        Assert.That(form.Texts("name"), Is.EqualTo(new[] { "a b&", "c" }));
        Assert.That((form.Text("empty"), form.Repeated, form.Problem), Is.EqualTo(("", "name", (Answer?)null)));
        Assert.That(form.RequiredText("missing"), Is.Empty);
        Assert.That(form.Problem!.Status, Is.EqualTo(400));
    }

    private static Call NewCall(string? cookie = null)
    {
        var http = new DefaultHttpContext();
        if (cookie is not null) http.Request.Headers.Cookie = cookie;
        var route = new Route(
            "GET",
            "/page",
            false,
            static (_, _, _) => ValueTask.FromResult(Answer.Empty),
            RouteOptions.Default with { Owner = RouteOwner.Nobody });
        return new Call(http, "/page", route, [], [], null, null, "127.0.0.1");
    }
}
