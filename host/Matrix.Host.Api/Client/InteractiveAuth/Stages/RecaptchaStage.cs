using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.InteractiveAuth.Stages;

/// <summary>A captcha. v1.19 client-server-api#google-recaptcha</summary>
internal sealed class RecaptchaStage(Captchas captchas, IGuessLimits limits, CaptchaOptions options) : IAuthStage
{
    /// <summary>The name that the captcha's script gives its field.</summary>
    private const string FieldOfPage = "g-recaptcha-response";

    public string Type => AuthStage.Recaptcha;

    public bool IsConfigured => options.IsOn;

    public int? RegistrationPlace => 10;

    public bool HasParams => true;

    public async ValueTask<StageResult> AttemptAsync(StageAttempt attempt, CancellationToken stop)
    {
        var response = attempt.Browser is null
            ? attempt.Given.RequiredText("response")
            : attempt.Given.TextOrNull(FieldOfPage) ?? "";
        if (attempt.Given.Problem is not null) return StageResult.Malformed;
        if (limits.TakeAttempt(attempt.Call.Attempt().Who) is { Ticks: > 0 } wait)
        {
            return StageResult.Refused(Answer.LimitExceeded(wait));
        }

        return await captchas.CheckAsync(response, attempt.Call.Address, stop) switch
        {
            true => StageResult.Completed(StageProof.Nothing),
            false => StageResult.Wrong("The captcha was not solved."),
            null => StageResult.Wrong("The captcha cannot be checked now. Try again later."),
        };
    }

    public StagePageMaker PageOf(AuthSession session) => (_, _) => new(
        new StagePage("Show that you are human", Html.Of($"""
            <div class="g-recaptcha" data-sitekey="{options.PublicKey}"></div>
            <noscript><p role="alert">The captcha needs JavaScript.</p></noscript>
            """))
        {
            Embed = new PageEmbed(options.ScriptUrl, options.PageOrigins),
        });

    public void WriteParams(Utf8JsonWriter json) => json.WriteString("public_key", options.PublicKey);
}
