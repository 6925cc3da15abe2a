using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// The stages that registration demands of everyone, on the API and on the page of OAuth: those with a
/// <see cref="IAuthStage.RegistrationPlace"/>. A stage that is added there is asked for in both.
/// </summary>
internal sealed class RegistrationStages(IEnumerable<IAuthStage> stages, TimeProvider clock)
{
    private readonly IAuthStage[] _stages =
    [
        .. stages.Where(static stage => stage is { IsConfigured: true, RegistrationPlace: not null })
            .OrderBy(static stage => stage.RegistrationPlace),
    ];

    /// <summary>The flows of the API.</summary>
    /// <param name="freely">Whether anyone may register.</param>
    /// <param name="byToken">Whether a registration token permits it.</param>
    internal List<AuthFlow> FlowsOf(bool freely, bool byToken)
    {
        string[] demanded = [.. _stages.Select(static stage => stage.Type)];
        var flows = new List<AuthFlow>(2);

        // A flow that is the beginning of another one needs the dummy stage. v1.19 client-server-api#dummy-auth
        var needsDummy = demanded.Length == 0 || byToken;
        if (freely) flows.Add(new AuthFlow(needsDummy ? [.. demanded, AuthStage.Dummy] : demanded));
        if (byToken) flows.Add(new AuthFlow([.. demanded, AuthStage.RegistrationToken]));
        return flows;
    }

    /// <summary>What a page of registration has of them.</summary>
    internal async ValueTask<StagePage> PageAsync(Call call, CancellationToken stop)
    {
        var session = NewSession();
        var pages = new List<StagePage>();
        foreach (var stage in _stages)
        {
            if (stage.PageOf(session) is { } make) pages.Add(await make(call, stop));
        }

        return new StagePage("", Html.Join(pages.Select(static page => page.Fields)))
        {
            Embed = pages.Select(static page => page.Embed).FirstOrDefault(static embed => embed is not null),
        };
    }

    /// <summary>
    /// Attempts all of them with a form; the session that completed them, or a sentence for the user.
    /// </summary>
    internal async ValueTask<(AuthSession? Session, string Message)> AttemptAsync(
        Call call, FormReader form, PageSession browser, CancellationToken stop)
    {
        var session = NewSession();
        foreach (var stage in _stages)
        {
            var given = new BodyReader(JsonObject.OfSeq(form.All.Select(
                static field => new ValueTuple<string, Json>(field.Key, Json.Of(field.Value)))));
            var attempt = new StageAttempt(session, session.Demand, given, call) { Browser = browser };
            var result = await stage.AttemptAsync(attempt, stop);
            if (given.Problem is not null || result.Proof is not { } proof)
            {
                return (null, result.Message is { Length: > 0 } why ? why : "Something is missing.");
            }

            session.Complete(stage.Type, proof);
        }

        return (session, "");
    }

    private AuthSession NewSession() => new(
        "", "", new AuthDemand([new AuthFlow([.. _stages.Select(static stage => stage.Type)])], UserId: null),
        clock.GetUtcNow());
}
