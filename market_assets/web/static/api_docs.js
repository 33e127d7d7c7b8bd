// Shows the OpenAPI document, and tries its operations as whoever has signed in.

SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  // No other site is asked for anything, such as whether the document is valid.
  validatorUrl: null,
  requestInterceptor: (request) => {
    const csrf = document.cookie.match(/(?:^|; )market_assets_csrf=([^;]*)/);
    if (csrf && !request.headers.Authorization) request.headers["X-CSRF-Token"] = csrf[1];
    return request;
  },
});
