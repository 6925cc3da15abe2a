using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Registration tokens in the administration API.</summary>
public sealed class RegistrationTokenTests : AdminTests
{
    private const string Path = V1 + "registration_tokens";

    [Test]
    public async Task A_token_is_created_changed_listed_and_deleted()
    {
        var expiry = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds();
        var made = (await Root.PostAsync(Path + "/new", new JsonObject
        {
            ["token"] = "abcd",
            ["uses_allowed"] = 3,
            ["expiry_time"] = expiry,
        })).Is(200);
        var text = $$"""{"token":"abcd","uses_allowed":3,"pending":0,"completed":0,"expiry_time":{{expiry}}}""";
        Assert.That(made.Text, Is.EqualTo(text));
        Assert.That((await Root.GetAsync(Path + "/abcd")).Is(200).Text, Is.EqualTo(text));

        var changed = await Root.PutAsync(Path + "/abcd", new JsonObject { ["uses_allowed"] = null });
        Assert.That(
            (changed.Is(200).Json["uses_allowed"], (long)changed.Json["expiry_time"]!),
            Is.EqualTo(((JsonNode?)null, expiry)));
        Assert.That((await Root.GetAsync(Path)).Is(200).Text, Does.Contain("\"abcd\""));

        (await Root.DeleteAsync(Path + "/abcd")).Is(200);
        (await Root.DeleteAsync(Path + "/abcd")).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync(Path + "/abcd")).Is(404, "M_NOT_FOUND");
        (await Root.PutAsync(Path + "/abcd")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task The_list_tells_valid_tokens_from_others()
    {
        (await Root.PostAsync(Path + "/new", new JsonObject { ["token"] = "usable" })).Is(200);
        (await Root.PostAsync(Path + "/new", new JsonObject { ["token"] = "spent", ["uses_allowed"] = 0 })).Is(200);

        var valid = (await Root.GetAsync(Path + "?valid=true")).Is(200).Text;
        var invalid = (await Root.GetAsync(Path + "?valid=false")).Is(200).Text;
        Assert.That(valid, Does.Contain("\"usable\"").And.Not.Contain("\"spent\""));
        Assert.That(invalid, Does.Contain("\"spent\"").And.Not.Contain("\"usable\""));
    }

    [Test]
    public async Task A_random_token_has_the_length_that_was_asked_for()
    {
        Assert.That((await Root.PostAsync(Path + "/new")).Is(200).Member("token"), Has.Length.EqualTo(16));
        var longer = await Root.PostAsync(Path + "/new", new JsonObject { ["length"] = 64 });
        Assert.That(longer.Is(200).Member("token"), Has.Length.EqualTo(64));
    }

    [TestCase("""{"token":"with space"}""", "M_INVALID_PARAM")]
    [TestCase("""{"token":""}""", "M_INVALID_PARAM")]
    [TestCase("""{"token":5}""", "M_BAD_JSON")]
    [TestCase("""{"length":65}""", "M_INVALID_PARAM")]
    [TestCase("""{"uses_allowed":-1}""", "M_INVALID_PARAM")]
    [TestCase("""{"uses_allowed":"3"}""", "M_BAD_JSON")]
    [TestCase("""{"expiry_time":1}""", "M_INVALID_PARAM")]
    public async Task A_wrong_body_is_refused(string body, string errcode) =>
        (await Root.SendAsync(HttpMethod.Post, Path + "/new", TestClient.Raw(body))).Is(400, errcode);

    [Test]
    public async Task A_name_is_given_once()
    {
        (await Root.PostAsync(Path + "/new", new JsonObject { ["token"] = "twice" })).Is(200);
        (await Root.PostAsync(Path + "/new", new JsonObject { ["token"] = "twice" })).Is(400, "M_INVALID_PARAM");
    }
}
